// Scores are read, not written.
// expect: (read-only|cannot assign|const-qualified)
#include "crossrank/cross_encoder.h"

float halve(crossrank::Predictions& predictions) {
#ifdef MUST_FAIL
  predictions[0].logit /= 2;
  return predictions[0].logit;
#else
  return predictions[0].logit / 2;
#endif
}
