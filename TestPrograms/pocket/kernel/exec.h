// Starting programs.
#ifndef EXEC_H
#define EXEC_H

#include "frame.h"

// Runs the program that the kernel's command line names, as the first process.
__attribute__((noreturn)) void exec_first(void);

#endif
