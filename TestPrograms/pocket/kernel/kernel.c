// The order in which the kernel comes to life. Each part may use those started before it.
#include "boot.h"
#include "console.h"
#include "disk.h"
#include "exec.h"
#include "files.h"
#include "native/cpu.h"
#include "native/interrupts.h"
#include "native/tables.h"
#include "native/timer.h"
#include "native/traps.h"
#include "pages.h"
#include "scheduler.h"

struct boot boot;

__attribute__((noreturn)) void kernel_main(void) {
    console_start();
    pages_start();
    tables_start();
    traps_start();
    cpu_start();
    interrupts_start();
    files_start();
    disk_start();
    timer_start(scheduler_tick);
    console_listen();
    print("pocket: %u KiB of memory, %u free, %u modules\n", boot.top / 1024, pages_free() * (PAGE_SIZE / 1024),
          boot.module_count);
    exec_first();
}
