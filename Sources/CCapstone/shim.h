// Debian's capstone.pc puts .../include/capstone on the search path, Homebrew's its parent.
#if __has_include(<capstone/capstone.h>)
#include <capstone/capstone.h>
#else
#include <capstone.h>
#endif
