# Writes COMMIT_FILE, the source of sim::commit(), anew if the commit of the tree has changed.
execute_process(COMMAND git -C ${CMAKE_CURRENT_LIST_DIR} describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${COMMIT_FILE} @ONLY CONTENT [[
#include "sim/commit.h"

const char* sim::commit() { return "@commit@"; }
]])
