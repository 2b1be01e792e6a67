// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Symbol visibility. Everything public carries ALLOY_API; all else stays inside the shared library.

#if defined(ALLOY_SHARED)
#define ALLOY_API __attribute__((visibility("default")))
#else
#define ALLOY_API
#endif
