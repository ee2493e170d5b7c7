// Open files, as processes number them.
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include "files.h"

struct process;

// The first process starts with the console as 0, 1 and 2.
void descriptors_start(struct process *first);

// A child's descriptors share their positions with its parent's.
void descriptors_share(const struct process *parent, struct process *child);
void descriptors_close_all(struct process *process);

// The current process's file behind a descriptor, or null.
struct file *descriptor_file(uint32_t number);

#endif
