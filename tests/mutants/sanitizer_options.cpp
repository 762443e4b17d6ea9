// SPDX-License-Identifier: MIT

/// How AddressSanitizer behaves in a mutant: what it finds ends the process as a crash does, and
/// what a process leaves behind at its end is nobody's concern.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "abort_on_error=1:detect_leaks=0:symbolize=0:malloc_context_size=1:quarantine_size_mb=16";
}
