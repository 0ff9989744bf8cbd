// SPDX-License-Identifier: BSD-3-Clause
// The loops of the device this module is for, and the packs of numbers that they work on.
#pragma once

#if defined(HEADFIELD_CUDA)
#include "../cuda/loops.hpp"
#else
#include "loops.hpp"
#endif
