# cmake -DREADELF=... -DFILE=... -P: fails if FILE is linked to a library of LibTorch.
execute_process(COMMAND "${READELF}" --dynamic --wide "${FILE}" OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
if(NOT dynamic MATCHES "NEEDED")
  message(FATAL_ERROR "${FILE} needs no library at all")
endif()
if(dynamic MATCHES "NEEDED[^\n]*(torch|c10)[^\n]*")
  message(FATAL_ERROR "${FILE} needs LibTorch: ${CMAKE_MATCH_0}")
endif()
