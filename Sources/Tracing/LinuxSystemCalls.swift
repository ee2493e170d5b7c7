// The system calls of 32-bit x86 Linux by number, with how many of the six argument registers each one uses (the
// kernel's arch/x86/entry/syscalls/syscall_32.tbl and its SYSCALL_DEFINE lines). Where a 64-bit value takes two
// registers it counts as two.

/// Names and argument counts of Linux i386 system calls.
public enum LinuxSystemCalls {
  /// Numbers below this are in the table, some of them unused.
  public static var count: Int { table.count }

  /// The name of a system call; nil for a number that isn't used.
  public static func name(of number: UInt64) -> StaticString? {
    guard number < UInt64(table.count) else { return nil }
    let name = table[Int(number)].0
    return name.utf8CodeUnitCount == 0 ? nil : name
  }

  /// How many arguments to show: all six for a number that isn't known.
  public static func argumentCount(of number: UInt64) -> Int {
    number < UInt64(table.count) ? Int(table[Int(number)].1) : 6
  }

  /// What an argument's address leads to.
  public enum Text: Sendable {
    /// Bytes up to a NUL.
    case path
    /// As many bytes as the next argument says.
    case counted
  }

  /// Whether an argument is the address of a text that the kernel reads.
  public static func text(inArgument index: Int, of number: UInt64) -> Text? {
    guard let name = name(of: number)?.description else { return nil }
    if name == "write", index == 1 { return .counted }
    return textArguments[name]?.contains(index) == true ? .path : nil
  }

  /// Which arguments are paths or other names.
  private static let textArguments: [String: [Int]] = [
    "open": [0], "creat": [0], "link": [0, 1], "unlink": [0], "execve": [0], "chdir": [0], "mknod": [0], "chmod": [0],
    "lchown": [0], "mount": [0, 1, 2], "umount": [0], "umount2": [0], "utime": [0], "access": [0], "rename": [0, 1],
    "mkdir": [0], "rmdir": [0], "chroot": [0], "symlink": [0, 1], "readlink": [0], "swapon": [0], "swapoff": [0],
    "truncate": [0], "truncate64": [0], "statfs": [0], "statfs64": [0], "stat": [0], "lstat": [0], "stat64": [0],
    "lstat64": [0], "chown": [0], "chown32": [0], "lchown32": [0], "getxattr": [0, 1], "setxattr": [0, 1], "openat": [1],
    "mkdirat": [1], "mknodat": [1], "fchownat": [1], "futimesat": [1], "fstatat64": [1], "unlinkat": [1],
    "renameat": [1, 3], "renameat2": [1, 3], "linkat": [1, 3], "symlinkat": [0, 2], "readlinkat": [1], "fchmodat": [1],
    "faccessat": [1], "faccessat2": [1], "utimensat": [1], "execveat": [1], "statx": [1], "sethostname": [0],
    "setdomainname": [0], "init_module": [2], "delete_module": [0], "memfd_create": [0],
  ]

  /// The number of a system call by name.
  public static func number(of name: String) -> UInt32? {
    if name.isEmpty { return nil }
    return table.firstIndex { $0.0.description == name }.map { UInt32($0) }
  }

  /// By number, from 0. An empty name: not used.
  private static let table: [(StaticString, UInt8)] = [
    // 0
    ("restart_syscall", 0), ("exit", 1), ("fork", 0), ("read", 3), ("write", 3), ("open", 3), ("close", 1),
    ("waitpid", 3), ("creat", 2), ("link", 2),
    // 10
    ("unlink", 1), ("execve", 3), ("chdir", 1), ("time", 1), ("mknod", 3), ("chmod", 2), ("lchown", 3), ("break", 0),
    ("oldstat", 2), ("lseek", 3),
    // 20
    ("getpid", 0), ("mount", 5), ("umount", 1), ("setuid", 1), ("getuid", 0), ("stime", 1), ("ptrace", 4),
    ("alarm", 1), ("oldfstat", 2), ("pause", 0),
    // 30
    ("utime", 2), ("stty", 0), ("gtty", 0), ("access", 2), ("nice", 1), ("ftime", 0), ("sync", 0), ("kill", 2),
    ("rename", 2), ("mkdir", 2),
    // 40
    ("rmdir", 1), ("dup", 1), ("pipe", 1), ("times", 1), ("prof", 0), ("brk", 1), ("setgid", 1), ("getgid", 0),
    ("signal", 2), ("geteuid", 0),
    // 50
    ("getegid", 0), ("acct", 1), ("umount2", 2), ("lock", 0), ("ioctl", 3), ("fcntl", 3), ("mpx", 0), ("setpgid", 2),
    ("ulimit", 0), ("oldolduname", 1),
    // 60
    ("umask", 1), ("chroot", 1), ("ustat", 2), ("dup2", 2), ("getppid", 0), ("getpgrp", 0), ("setsid", 0),
    ("sigaction", 3), ("sgetmask", 0), ("ssetmask", 1),
    // 70
    ("setreuid", 2), ("setregid", 2), ("sigsuspend", 3), ("sigpending", 1), ("sethostname", 2), ("setrlimit", 2),
    ("getrlimit", 2), ("getrusage", 2), ("gettimeofday", 2), ("settimeofday", 2),
    // 80
    ("getgroups", 2), ("setgroups", 2), ("select", 1), ("symlink", 2), ("oldlstat", 2), ("readlink", 3),
    ("uselib", 1), ("swapon", 2), ("reboot", 4), ("readdir", 3),
    // 90
    ("mmap", 1), ("munmap", 2), ("truncate", 2), ("ftruncate", 2), ("fchmod", 2), ("fchown", 3), ("getpriority", 2),
    ("setpriority", 3), ("profil", 0), ("statfs", 2),
    // 100
    ("fstatfs", 2), ("ioperm", 3), ("socketcall", 2), ("syslog", 3), ("setitimer", 3), ("getitimer", 2), ("stat", 2),
    ("lstat", 2), ("fstat", 2), ("olduname", 1),
    // 110
    ("iopl", 1), ("vhangup", 0), ("idle", 0), ("vm86old", 1), ("wait4", 4), ("swapoff", 1), ("sysinfo", 1),
    ("ipc", 6), ("fsync", 1), ("sigreturn", 0),
    // 120
    ("clone", 5), ("setdomainname", 2), ("uname", 1), ("modify_ldt", 3), ("adjtimex", 1), ("mprotect", 3),
    ("sigprocmask", 3), ("create_module", 2), ("init_module", 3), ("delete_module", 2),
    // 130
    ("get_kernel_syms", 1), ("quotactl", 4), ("getpgid", 1), ("fchdir", 1), ("bdflush", 2), ("sysfs", 3),
    ("personality", 1), ("afs_syscall", 0), ("setfsuid", 1), ("setfsgid", 1),
    // 140
    ("_llseek", 5), ("getdents", 3), ("_newselect", 5), ("flock", 2), ("msync", 3), ("readv", 3), ("writev", 3),
    ("getsid", 1), ("fdatasync", 1), ("_sysctl", 1),
    // 150
    ("mlock", 2), ("munlock", 2), ("mlockall", 1), ("munlockall", 0), ("sched_setparam", 2), ("sched_getparam", 2),
    ("sched_setscheduler", 3), ("sched_getscheduler", 1), ("sched_yield", 0), ("sched_get_priority_max", 1),
    // 160
    ("sched_get_priority_min", 1), ("sched_rr_get_interval", 2), ("nanosleep", 2), ("mremap", 5), ("setresuid", 3),
    ("getresuid", 3), ("vm86", 2), ("query_module", 5), ("poll", 3), ("nfsservctl", 3),
    // 170
    ("setresgid", 3), ("getresgid", 3), ("prctl", 5), ("rt_sigreturn", 0), ("rt_sigaction", 4),
    ("rt_sigprocmask", 4), ("rt_sigpending", 2), ("rt_sigtimedwait", 4), ("rt_sigqueueinfo", 3),
    ("rt_sigsuspend", 2),
    // 180
    ("pread64", 5), ("pwrite64", 5), ("chown", 3), ("getcwd", 2), ("capget", 2), ("capset", 2), ("sigaltstack", 2),
    ("sendfile", 4), ("getpmsg", 5), ("putpmsg", 5),
    // 190
    ("vfork", 0), ("ugetrlimit", 2), ("mmap2", 6), ("truncate64", 3), ("ftruncate64", 3), ("stat64", 2),
    ("lstat64", 2), ("fstat64", 2), ("lchown32", 3), ("getuid32", 0),
    // 200
    ("getgid32", 0), ("geteuid32", 0), ("getegid32", 0), ("setreuid32", 2), ("setregid32", 2), ("getgroups32", 2),
    ("setgroups32", 2), ("fchown32", 3), ("setresuid32", 3), ("getresuid32", 3),
    // 210
    ("setresgid32", 3), ("getresgid32", 3), ("chown32", 3), ("setuid32", 1), ("setgid32", 1), ("setfsuid32", 1),
    ("setfsgid32", 1), ("pivot_root", 2), ("mincore", 3), ("madvise", 3),
    // 220
    ("getdents64", 3), ("fcntl64", 3), ("", 6), ("", 6), ("gettid", 0), ("readahead", 4), ("setxattr", 5),
    ("lsetxattr", 5), ("fsetxattr", 5), ("getxattr", 4),
    // 230
    ("lgetxattr", 4), ("fgetxattr", 4), ("listxattr", 3), ("llistxattr", 3), ("flistxattr", 3), ("removexattr", 2),
    ("lremovexattr", 2), ("fremovexattr", 2), ("tkill", 2), ("sendfile64", 4),
    // 240
    ("futex", 6), ("sched_setaffinity", 3), ("sched_getaffinity", 3), ("set_thread_area", 1), ("get_thread_area", 1),
    ("io_setup", 2), ("io_destroy", 1), ("io_getevents", 5), ("io_submit", 3), ("io_cancel", 3),
    // 250
    ("fadvise64", 5), ("", 6), ("exit_group", 1), ("lookup_dcookie", 4), ("epoll_create", 1), ("epoll_ctl", 4),
    ("epoll_wait", 4), ("remap_file_pages", 5), ("set_tid_address", 1), ("timer_create", 3),
    // 260
    ("timer_settime", 4), ("timer_gettime", 2), ("timer_getoverrun", 1), ("timer_delete", 1), ("clock_settime", 2),
    ("clock_gettime", 2), ("clock_getres", 2), ("clock_nanosleep", 4), ("statfs64", 3), ("fstatfs64", 3),
    // 270
    ("tgkill", 3), ("utimes", 2), ("fadvise64_64", 6), ("vserver", 0), ("mbind", 6), ("get_mempolicy", 5),
    ("set_mempolicy", 3), ("mq_open", 4), ("mq_unlink", 1), ("mq_timedsend", 5),
    // 280
    ("mq_timedreceive", 5), ("mq_notify", 2), ("mq_getsetattr", 3), ("kexec_load", 4), ("waitid", 5), ("", 6),
    ("add_key", 5), ("request_key", 4), ("keyctl", 5), ("ioprio_set", 3),
    // 290
    ("ioprio_get", 2), ("inotify_init", 0), ("inotify_add_watch", 3), ("inotify_rm_watch", 2), ("migrate_pages", 4),
    ("openat", 4), ("mkdirat", 3), ("mknodat", 4), ("fchownat", 5), ("futimesat", 3),
    // 300
    ("fstatat64", 4), ("unlinkat", 3), ("renameat", 4), ("linkat", 5), ("symlinkat", 3), ("readlinkat", 4),
    ("fchmodat", 3), ("faccessat", 3), ("pselect6", 6), ("ppoll", 5),
    // 310
    ("unshare", 1), ("set_robust_list", 2), ("get_robust_list", 3), ("splice", 6), ("sync_file_range", 6),
    ("tee", 4), ("vmsplice", 4), ("move_pages", 6), ("getcpu", 3), ("epoll_pwait", 6),
    // 320
    ("utimensat", 4), ("signalfd", 3), ("timerfd_create", 2), ("eventfd", 1), ("fallocate", 6),
    ("timerfd_settime", 4), ("timerfd_gettime", 2), ("signalfd4", 4), ("eventfd2", 2), ("epoll_create1", 1),
    // 330
    ("dup3", 3), ("pipe2", 2), ("inotify_init1", 1), ("preadv", 5), ("pwritev", 5), ("rt_tgsigqueueinfo", 4),
    ("perf_event_open", 5), ("recvmmsg", 5), ("fanotify_init", 2), ("fanotify_mark", 6),
    // 340
    ("prlimit64", 4), ("name_to_handle_at", 5), ("open_by_handle_at", 3), ("clock_adjtime", 2), ("syncfs", 1),
    ("sendmmsg", 4), ("setns", 2), ("process_vm_readv", 6), ("process_vm_writev", 6), ("kcmp", 5),
    // 350
    ("finit_module", 3), ("sched_setattr", 3), ("sched_getattr", 4), ("renameat2", 5), ("seccomp", 3),
    ("getrandom", 3), ("memfd_create", 2), ("bpf", 3), ("execveat", 5), ("socket", 3),
    // 360
    ("socketpair", 4), ("bind", 3), ("connect", 3), ("listen", 2), ("accept4", 4), ("getsockopt", 5),
    ("setsockopt", 5), ("getsockname", 3), ("getpeername", 3), ("sendto", 6),
    // 370
    ("sendmsg", 3), ("recvfrom", 6), ("recvmsg", 3), ("shutdown", 2), ("userfaultfd", 1), ("membarrier", 3),
    ("mlock2", 3), ("copy_file_range", 6), ("preadv2", 6), ("pwritev2", 6),
    // 380
    ("pkey_mprotect", 4), ("pkey_alloc", 2), ("pkey_free", 1), ("statx", 5), ("arch_prctl", 2), ("io_pgetevents", 6),
    ("rseq", 4), ("", 6), ("", 6), ("", 6),
    // 390
    ("", 6), ("", 6), ("", 6), ("semget", 3), ("semctl", 4), ("shmget", 3), ("shmctl", 3), ("shmat", 3),
    ("shmdt", 1), ("msgget", 2),
    // 400
    ("msgsnd", 4), ("msgrcv", 5), ("msgctl", 3), ("clock_gettime64", 2), ("clock_settime64", 2),
    ("clock_adjtime64", 2), ("clock_getres_time64", 2), ("clock_nanosleep_time64", 4), ("timer_gettime64", 2),
    ("timer_settime64", 4),
    // 410
    ("timerfd_gettime64", 2), ("timerfd_settime64", 4), ("utimensat_time64", 4), ("pselect6_time64", 6),
    ("ppoll_time64", 5), ("", 6), ("io_pgetevents_time64", 6), ("recvmmsg_time64", 5), ("mq_timedsend_time64", 5),
    ("mq_timedreceive_time64", 5),
    // 420
    ("semtimedop_time64", 4), ("rt_sigtimedwait_time64", 4), ("futex_time64", 6),
    ("sched_rr_get_interval_time64", 2), ("pidfd_send_signal", 4), ("io_uring_setup", 2), ("io_uring_enter", 6),
    ("io_uring_register", 4), ("open_tree", 3), ("move_mount", 5),
    // 430
    ("fsopen", 2), ("fsconfig", 5), ("fsmount", 3), ("fspick", 3), ("pidfd_open", 2), ("clone3", 2),
    ("close_range", 3), ("openat2", 4), ("pidfd_getfd", 3), ("faccessat2", 4),
    // 440
    ("process_madvise", 5), ("epoll_pwait2", 6), ("mount_setattr", 5), ("quotactl_fd", 4),
    ("landlock_create_ruleset", 3), ("landlock_add_rule", 4), ("landlock_restrict_self", 2), ("memfd_secret", 1),
    ("process_mrelease", 2), ("futex_waitv", 5),
    // 450
    ("set_mempolicy_home_node", 4),
  ]
}
