# SPDX-License-Identifier: BSD-3-Clause
"""
A protocol, its pulses and published limits
===========================================

What does a protocol amount to, what do published limits of trains say of it, and what do research models
expect? Research use, no medical advice.
"""

import headfield as hf

# %%
# A protocol of one's own, as nibs-bids describes timing: onset intervals, and durations with all of them,
# s.
mine = hf.dose.read_protocol(
    {
        "name": "20 Hz, short trains",
        "pulse_duration": 300e-6,
        "pulse_repetition_interval": 0.05,
        "pulse_train_duration": 1.5,
        "pulse_train_repeat_interval": 30,
        "pulse_train_repeat_duration": 1200,
        "percent_rmt": 110,
    }
)
shown = [mine, *(hf.dose.protocols[name] for name in ("10hz_dlpfc", "itbs", "ctbs", "saint"))]
limits = {protocol.name: hf.dose.check_limits(protocol) for protocol in shown}
for protocol in shown:
    onsets = protocol.onsets_s()
    print(f"{protocol.name}: {len(onsets):,} pulses, the last {onsets[-1]:.2f} s after the first")
    print(f"  {'; '.join(protocol.structure())}")
    print(f"  published limits: {limits[protocol.name].verdict}")
print(limits[mine.name])

# %%
# Two research models of what one session leaves behind. Neither knows a person, or the days of a course.
after = {}
for name in ("itbs", "ctbs"):
    response = hf.dose.huang2011(hf.dose.protocols[name])
    strength = hf.dose.calcium_plasticity(hf.dose.protocols[name], times_s=[900]).final
    after[name] = float(response.after_effect(300.0)), strength
    print(
        f"{name}: after-effect {after[name][0]:+.2f} after 5 min (Huang), synapses × {strength:.4f} (calcium)"
    )
print(hf.dose.NO_MODEL_OVER_WEEKS)
print(*hf.dose.session_statements(), sep="\n")

picture = mine.plot()
