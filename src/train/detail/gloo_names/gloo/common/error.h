// SPDX-License-Identifier: Apache-2.0
#pragma once  // empty: Note [Gloo by name] in gloo/context.h
