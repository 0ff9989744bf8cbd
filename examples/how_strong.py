# SPDX-License-Identifier: BSD-3-Clause
"""How strong? Motor thresholds of a second coil from those of a first, in ten made-up persons; and a session.

python examples/how_strong.py [edge_mm] [report.html]

Persons differ in how thick scalp and skull are, in what tissues conduct, and in the field at which their
hand moves. Predictions know the head, but neither the conductivities nor that field. Put thresholds and heads
of your own in the place of `persons`.
"""

import sys

import numpy as np

import headfield as hf

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
first = hf.figure_of_eight(spacing_mm=6, didt_max=150e6)
second = hf.circular_coil(spacing_mm=6, didt_max=200e6)
rng = np.random.default_rng(1)
plain = hf.phantom_head(edge_mm)


def person():
    """Return a head, what it conducts in truth, and the field at which the hand moves, V/m."""
    head = hf.thickened(plain, "scalp", rng.uniform(-1.5, 2.0))
    head = hf.thickened(head, "skull", rng.uniform(-1.0, 1.5))
    truth = {tag: float(hf.Beta(*limits).quantile(rng.random())) for tag, limits in RANGES.items()}
    return head, truth, rng.normal(65.0, 6.0)


def places(model, coil, shift=(0.0, 0.0)):
    """Return the hand area of a head, and a coil over it."""
    hand = hf.regions.sphere(model.mesh, [-40, -8, 50], 15, 2)
    return model.place(coil, [-46, -8, 70], [-46, 42, 70], offset_mm=shift), hand


def threshold(model, coil, field):
    """Return a motor threshold as it is found: in whole percents, with a coil that is a millimetre off."""
    pose, hand = places(model, coil, rng.normal(0.0, 1.0, 2))
    at_full = model.solve(coil, pose, coil.didt_max, roi=hand, primary_error="summed")
    mso = 100.0 * field / hf.Target(hand).value(at_full.E)[0]
    return float(np.round(mso + rng.normal(0.0, 1.0)))


RANGES = {1: (0.1, 0.4), 2: (0.1, 0.6), 5: (0.2, 0.5)}
persons = [person() for _ in range(10)]
measured, by_field = [], []
for number, (head, truth, field) in enumerate(persons):
    real, model = hf.HeadModel(head, truth), hf.HeadModel(head)
    mt_first, mt_second = threshold(real, first, field), threshold(real, second, field)
    rule = hf.dose.MatchedField(mt_first, first, *places(model, first), std_mso=1.0)
    predicted = hf.dose.intensity(model, second, *places(model, second), rule)
    measured.append((mt_first, mt_second))
    by_field.append(predicted.mso)
    print(
        f"person {number}: threshold {mt_first:.0f} %MSO with the first coil, {mt_second:.0f} with the "
        f"second, {predicted.mso:.1f} ± {predicted.std_mso:.1f} by field"
    )


def rmse(predictions):
    return float(np.sqrt(np.mean((np.array(predictions) - [mt for _, mt in measured]) ** 2)))


of_first = np.array([mt for mt, _ in measured])
mean_ratio = np.mean([b / a for a, b in measured])  # which takes both thresholds of all persons to know
errors = {
    "by field": rmse(by_field),
    "the same %MSO": rmse(of_first),
    "the same A/µs": rmse(of_first * first.didt_max / second.didt_max),
    "the mean ratio of these ten": rmse(of_first * mean_ratio),
}
for name, error in errors.items():
    print(f"off by {error:.1f} %MSO (root mean square): {name}")

# A session of the last person: theta bursts in front of the motor area, at 80 % of the threshold.
target = hf.regions.sphere(head, [-38, 26, 48], 12, 2)
pose = model.place(first, [-46, 28, 66], [-46, 78, 50])
rule = hf.dose.MatchedField(mt_first, first, *places(model, first), std_mso=1.0)
found = hf.dose.intensity(model, first, pose, target, rule, percent=80, placement=(1.5, 3), samples=16)
protocol = hf.dose.protocols["itbs"]
gray = hf.regions.tissue(head, 2)
dose = hf.dose.dose_map(model, first, pose, found.didt, region=gray, pulses=protocol, thresholds=[40, 60])
print(found)
print(f"above 40 V/m: {dose.exceedance(40) / 1000:.1f} cm³ of gray matter")
if len(sys.argv) > 2:
    report = hf.dose.session_report(model, found, protocol=protocol, dose=dose, title="A made-up person")
    report.write(sys.argv[2])
