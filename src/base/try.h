// CR_TRY and CR_TRY_ASSIGN: pass an Error on to the caller. Internal; never in a public header.
#pragma once

#include <utility>

#include "crossrank/result.h"

#define CR_TRY(expression)                                  \
  do {                                                      \
    if (auto cr_result_ = (expression); !cr_result_.ok()) { \
      return std::move(cr_result_).error();                 \
    }                                                       \
  } while (false)

#define CR_CONCAT_INNER_(a, b) a##b
#define CR_CONCAT_(a, b) CR_CONCAT_INNER_(a, b)

// CR_TRY_ASSIGN(auto x, f()): x = f().value(), or return f()'s error.
#define CR_TRY_ASSIGN(declaration, expression) \
  CR_TRY_ASSIGN_IMPL_(CR_CONCAT_(cr_result_, __LINE__), declaration, expression)
#define CR_TRY_ASSIGN_IMPL_(temporary, declaration, expression) \
  auto temporary = (expression);                                \
  if (!temporary.ok()) return std::move(temporary).error();     \
  declaration = std::move(*temporary)
