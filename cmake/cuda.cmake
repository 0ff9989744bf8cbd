# SPDX-License-Identifier: BSD-3-Clause
# The module `_cuda`, if HEADFIELD_CUDA and the machine say so. EMULATED compiles the same sources with the host's compiler
# and runs kernels on the CPU: for tests, where there is no GPU.

set(HEADFIELD_GPU_WIDTHS "" CACHE STRING "Widths of emulated kernels, such as \"1, 4\"; empty for all")

if(NOT HEADFIELD_CUDA MATCHES "^(AUTO|ON|OFF|EMULATED)$")
  message(FATAL_ERROR "HEADFIELD_CUDA must be AUTO, ON or OFF, not ${HEADFIELD_CUDA}")
endif()

# Architectures: the user's (CUDAARCHS or CMAKE_CUDA_ARCHITECTURES), else those of the GPUs here, else what the toolkit has
# of sm_70 to sm_120.
function(choose_architectures)
  if(DEFINED CMAKE_CUDA_ARCHITECTURES OR DEFINED ENV{CUDAARCHS})
    return()
  endif()
  execute_process(
    COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
    OUTPUT_VARIABLE here
    ERROR_QUIET
    RESULT_VARIABLE failed
  )
  if(NOT failed AND here MATCHES "^[0-9]+\\.[0-9]+")
    string(REGEX MATCHALL "[0-9]+\\.[0-9]+" here "${here}")
    string(REPLACE "." "" here "${here}")
    list(REMOVE_DUPLICATES here)
    set(CMAKE_CUDA_ARCHITECTURES ${here} PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --list-gpu-code OUTPUT_VARIABLE known ERROR_QUIET)
  set(chosen)
  foreach(architecture 70 75 80 86 89 90 100 120)
    if(known MATCHES "sm_${architecture}(\n|$)")
      list(APPEND chosen ${architecture}-real)
      set(last ${architecture})
    endif()
  endforeach()
  list(APPEND chosen ${last}-virtual) # what is newer compiles it when it is loaded
  set(CMAKE_CUDA_ARCHITECTURES ${chosen} PARENT_SCOPE)
endfunction()

set(HEADFIELD_BUILD_CUDA OFF)
if(HEADFIELD_CUDA MATCHES "AUTO|ON")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    choose_architectures()
    enable_language(CUDA)
    if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.0)
      set(HEADFIELD_BUILD_CUDA ON)
      message(STATUS "headfield: building for NVIDIA GPUs, architectures ${CMAKE_CUDA_ARCHITECTURES}")
    else()
      set(why "CUDA ${CMAKE_CUDA_COMPILER_VERSION} is older than 12.0")
    endif()
  else()
    set(why "no nvcc was found (module load cuda, or set CUDACXX)")
  endif()
  if(NOT HEADFIELD_BUILD_CUDA)
    if(HEADFIELD_CUDA STREQUAL "ON")
      message(FATAL_ERROR "headfield: HEADFIELD_CUDA=ON, but ${why}")
    endif()
    message(STATUS "headfield: no module for NVIDIA GPUs: ${why}")
  endif()
endif()

if(NOT HEADFIELD_BUILD_CUDA AND NOT HEADFIELD_CUDA STREQUAL "EMULATED")
  return()
endif()

set(HEADFIELD_KERNELS
  cuda/assemble.cu
  cuda/checks.cu
  cuda/cycle_verbs.cu
  cuda/field.cu
  cuda/iteration_verbs.cu
  cuda/primary.cu
  cuda/slopes.cu
  cuda/recovered.cu
  cuda/transposes.cu
)
pybind11_add_module(
  _cuda
  NO_EXTRAS
  ${HEADFIELD_SHARED}
  cuda/device.cpp
  cuda/device_hierarchy.cpp
  ${HEADFIELD_KERNELS}
)
target_link_libraries(_cuda PRIVATE headfield_flags host_algorithms)
foreach(isa IN LISTS HEADFIELD_INSTRUCTION_SETS)
  target_link_libraries(_cuda PRIVATE host_loops_${isa})
  target_compile_definitions(_cuda PRIVATE HEADFIELD_HAS_${isa})
endforeach()
set_source_files_properties(cuda/device.cpp PROPERTIES UNITY_GROUP bindings) # it includes pybind11 too
set_target_properties(_cuda PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
target_compile_definitions(_cuda PRIVATE HEADFIELD_CUDA HEADFIELD_ISA=gpu)

if(HEADFIELD_BUILD_CUDA)
  target_include_directories(_cuda SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  set_target_properties(
    _cuda
    PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_RUNTIME_LIBRARY Static
  )
  # Nothing is contracted by the compiler, see cuda/lanes.hpp.
  target_compile_options(
    _cuda
    PRIVATE
      $<$<COMPILE_LANGUAGE:CUDA>:-fmad=false -Xcompiler=-Wall,-Wextra>
      $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${HEADFIELD_WERROR}>>:-Werror=all-warnings -Xcompiler=-Werror>
  )
  install(TARGETS _cuda LIBRARY DESTINATION headfield/core)
else()
  if(HEADFIELD_GPU_WIDTHS)
    target_compile_definitions(_cuda PRIVATE "HEADFIELD_GPU_WIDTHS=${HEADFIELD_GPU_WIDTHS}")
  endif()
  set_source_files_properties(${HEADFIELD_KERNELS} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-xc++")
  target_include_directories(_cuda SYSTEM PRIVATE tests/emulated)
endif()
