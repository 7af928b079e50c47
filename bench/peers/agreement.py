# Agreement of the peer benchmark: do all engines rank alike? An engine that does not is not timed.
"""Logits of each engine are compared with those of sentence-transformers in float32."""

import dataclasses
import math


@dataclasses.dataclass
class Tolerance:
    logit: float  # |a - b| / max(1, |b|) at most, for any pair
    tau: float  # Kendall's tau of a query's documents at least, mean over the queries
    top: float  # The best document's own float32 logit lies this far below the best at most


TOLERANCES = {
    "fp32": Tolerance(logit=1e-4, tau=0.999, top=1e-3),
    # float32 behind a sigmoid in float32, which rounds large logits.
    "sigmoid": Tolerance(logit=1e-2, tau=0.995, top=1e-2),
    "bf16": Tolerance(logit=0.1, tau=0.98, top=0.15),
    # Whose logits move is the engine's own doing; that the order stays is what is asked. The least of
    # the peers, ONNX Runtime's dynamic int8, has tau 0.886 on SciFact's long documents.
    "int8": Tolerance(logit=math.inf, tau=0.85, top=1.0),
}


# Logits of the reference that are closer than this differ by float32's rounding alone: two copies
# of a text, for example, whose order says nothing.
TIE = 2e-4


def kendall_tau(a, b, tie=0.0):
    """tau-b; pairs that `b` has within `tie` are left out, other ties count for neither side."""
    concordant = discordant = ties_a = ties_b = 0
    for i in range(len(a)):
        for j in range(i):
            x, y = a[i] - a[j], b[i] - b[j]
            if tie > 0 and abs(y) <= tie:
                continue
            if x * y > 0:
                concordant += 1
            elif x * y < 0:
                discordant += 1
            else:
                ties_a += x == 0 and y != 0
                ties_b += y == 0 and x != 0
    ranked = concordant + discordant
    scale = math.sqrt((ranked + ties_a) * (ranked + ties_b))
    return (concordant - discordant) / scale if scale else 1.0


def compare(logits, reference, groups):
    """The largest logit difference, mean tau, and how far the worst top document lies below."""
    if len(logits) != len(reference) or not all(map(math.isfinite, logits)):
        raise ValueError("a list of logits is short or has values that are not finite")
    worst = max(abs(a - b) / max(1.0, abs(b)) for a, b in zip(logits, reference, strict=True))
    taus, top = [], 0.0
    for group in groups:
        ours, theirs = [logits[i] for i in group], [reference[i] for i in group]
        top = max(top, max(theirs) - theirs[ours.index(max(ours))])
        if len(group) > 1:
            taus.append(kendall_tau(ours, theirs, TIE))
    return {"logit": worst, "tau": sum(taus) / len(taus) if taus else 1.0, "top": top}


def violation(found, tolerance_name):
    """What is out of tolerance, as a sentence; None when all is well."""
    allowed = TOLERANCES[tolerance_name]
    if found["logit"] > allowed.logit:
        return f"a logit differs by {found['logit']:.2e}, allowed {allowed.logit:.0e}"
    if found["tau"] < allowed.tau:
        return f"Kendall's tau is {found['tau']:.4f}, at least {allowed.tau} is asked"
    if found["top"] > allowed.top:
        return f"its best document lies {found['top']:.3f} below the best, allowed {allowed.top}"
    return None
