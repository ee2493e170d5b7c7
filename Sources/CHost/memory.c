// Machine memory is one memfd, so that later a page can be mapped at several places and taken away again.
#define _GNU_SOURCE
#include "CHost.h"

#include <sys/mman.h>
#include <unistd.h>

void *chost_memory_create(size_t bytes, int *fd) {
  int file = memfd_create("trapline-memory", MFD_CLOEXEC);
  if (file < 0) return NULL;
  if (ftruncate(file, (off_t)bytes) != 0) {
    close(file);
    return NULL;
  }
  void *base = chost_memory_map(bytes, file);
  if (!base) {
    close(file);
    return NULL;
  }
  *fd = file;
  return base;
}

void *chost_memory_map(size_t bytes, int fd) {
  void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  return base == MAP_FAILED ? NULL : base;
}

void chost_memory_destroy(void *base, size_t bytes, int fd) {
  munmap(base, bytes);
  close(fd);
}
