# SPDX-License-Identifier: BSD-3-Clause
"""`headfield dose`: that it gives what the functions give, what its options mean, and what it refuses."""

import json

import numpy as np
import pytest
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli
from headfield.commands.demo_heads import HEADS

HERE, THERE = (
    ["--centre", "-46,42,60", "--handle", "-46,90,40"],
    [
        *("--mt-centre", "-46,-8,70"),
        *("--mt-handle", "-46,42,70"),
    ],
)
AT, MT_AT = [-40, 40, 38], [-40, -8, 50]
FIXED = ["--at", "-40,40,38", "--rule", "fixed-field", "--field", "60"]
MATCHED = ["--at", "-40,40,38", "--rule", "matched-field", "--mt", "45", "--mt-at", "-40,-8,50", *THERE]


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 150)


@pytest.fixture(autouse=True)
def coarse_phantom(monkeypatch):
    """The head of that name as coarse as that of the files."""
    monkeypatch.setitem(HEADS, "phantom", lambda whole=HEADS["phantom"]: whole()._replace(edge_mm=8.0))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dose")
    hf.write_mesh(folder / "head.npz", hf.phantom_head(edge_mm=8))
    hf.figure_of_eight(spacing_mm=10.0, didt_max=150e6).write(folder / "a.ccd")
    hf.bent_figure_of_eight(spacing_mm=10.0).write(folder / "b.ccd")
    hf.bent_figure_of_eight(spacing_mm=10.0, didt_max=170e6).write(folder / "c.ccd")
    return folder


@pytest.fixture(scope="module")
def model(inputs):
    return hf.HeadModel(hf.read_mesh(inputs / "head.npz"), threads=1)


def run(inputs, *words, coil="a.ccd"):
    given = [str(inputs / word) if str(word).endswith((".ccd", ".npy")) else str(word) for word in words]
    return ["dose", str(inputs / "head.npz"), str(inputs / coil), *given, "-q", "--threads", "1"]


def asked(inputs, capsys, *words, **more):
    assert cli.main([*run(inputs, *words, **more), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_two_coils_at_two_places(inputs, model, capsys):
    more = ["--mt-coil", "c.ccd", "--mt-std", "1.5", "--percent", "90", "--didt-max", "160A/us"]
    facts = asked(inputs, capsys, *HERE, *MATCHED, *more)
    head = model.mesh
    a = hf.read_coil(inputs / "a.ccd").with_didt_max(160e6)
    b = hf.read_coil(inputs / "c.ccd")
    m1 = model.place(b, [-46, -8, 70], [-46, 42, 70])
    here, there = (hf.regions.sphere(head, at, 10, 2) for at in (AT, MT_AT))
    rule = hf.dose.MatchedField(45, b, m1, there, std_mso=1.5)
    found = hf.dose.intensity(model, a, model.place(a, [-46, 42, 60], [-46, 90, 40]), here, rule, percent=90)
    assert facts["intensity"]["mso_percent"] == pytest.approx(found.mso, rel=1e-9)
    assert facts["intensity"]["errors_mso_percent"] == pytest.approx(found.errors, rel=1e-6)
    assert facts["intensity"]["reference"]["didt_max_A_per_s"] == 170e6


@pytest.mark.parametrize("rule", ["fixed-factor", "scalp-distance"])
def test_rules_without_a_field(inputs, model, capsys, rule):
    words = [*HERE, "--at", "-40,40,38", "--rule", rule, "--mt", "40"]
    facts = asked(inputs, capsys, *words, *(THERE if rule == "scalp-distance" else []))
    if rule == "fixed-factor":
        assert facts["intensity"]["mso_percent"] == pytest.approx(53.4)
        return
    a = hf.read_coil(inputs / "a.ccd")
    poses = [model.place(a, [-46, 42, 60], [-46, 90, 40]), model.place(a, [-46, -8, 70], [-46, 42, 70])]
    here, there = hf.scalp_geometry(model.mesh, poses).scalp_to_nearest_cortex_mm
    assert facts["intensity"]["mso_percent"] == pytest.approx(40 + 2.8 * (here - there))


def test_pulses_that_differ(inputs, capsys):
    names = ["magpro_x100_mcf_b65", "magstim_rapid_d70"]
    plain = asked(inputs, capsys, *HERE, *MATCHED)
    shaped = asked(inputs, capsys, *HERE, *MATCHED, "--mt-pulse", names[0], "--pulse", names[1])
    r = [hf.dose.Pulse.published(name).depolarisation(200e-6).of_phase("either") for name in names]
    ratio = shaped["intensity"]["mso_percent"] / plain["intensity"]["mso_percent"]
    assert ratio == pytest.approx(r[0] / r[1])


def test_files_of_a_session(inputs, tmp_path, capsys):
    words = [*HERE, *FIXED, "--protocol", "itbs", "--thresholds", "40,80", "--title", "Anna"]
    assert cli.main([*run(inputs, *words), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "dose.json",
        "report.html",
        "sums.vtu",
    ]
    facts = json.loads((tmp_path / "out" / "dose.json").read_text())
    assert facts["title"] == "Anna"
    assert facts["dose"]["thresholds_V_per_m"] == [40, 80]
    assert facts["dose"]["pulses"] == 600
    assert f"{facts['intensity']['mso_percent']:.1f} ± " in said
    assert "20 trains every 10 s" in said
    assert "published tables of trains: not covered" in said


def test_a_folder_that_can_not_be_written_costs_no_solve(inputs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("headfield.commands.dose.HeadModel", None)
    (tmp_path / "there" / "report.html").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    for name, word in (("there", "report.html is a folder"), ("file", "file")):
        fails(capsys, [*run(inputs, *HERE, *FIXED), "-o", str(tmp_path / name)], word)


def test_a_pose_of_a_file(inputs, model, capsys):
    coil = hf.read_coil(inputs / "a.ccd")
    pose = model.place(coil, [-46, 42, 60], [-46, 90, 40])
    np.save(inputs / "one.npy", pose)
    np.save(inputs / "two.npy", np.stack([pose, pose]))
    assert asked(inputs, capsys, "one.npy", *FIXED)["intensity"]["site"]["pose"] == pose.tolist()
    fails(capsys, run(inputs, "two.npy", *FIXED), "an intensity is of one pose, here are 2")


def test_tables_of_ones_own(inputs, tmp_path, capsys):
    own = {"dose_rules": {"prefrontal_factor": {"factor": 1.2, "source": "our own ten"}}}
    (tmp_path / "own.json").write_text(json.dumps(own))
    words = [*HERE, "--at", "-40,40,38", "--rule", "fixed-factor", "--mt", "50"]
    facts = asked(inputs, capsys, *words, "--tables", str(tmp_path / "own.json"))
    assert facts["intensity"]["mso_percent"] == pytest.approx(60)
    assert "factor 1.2: our own ten" in facts["intensity"]["notes"]


def test_targets_and_limits_of_ones_own(inputs, tmp_path, capsys):
    own = {
        "targets": {"m1_hand": {"mni_mm": AT, "source": "us"}},
        "train_limits": {
            "rossi2009_10hz": {
                "kind": "longest_train",
                "frequency_hz": 10,
                "percent_rmt": [120],
                "longest_train_s": [1.0],
                "longest_tested": [False],
                "source": "us",
            }
        },
    }
    (tmp_path / "own.json").write_text(json.dumps(own))
    words = ["dose", "phantom", str(inputs / "a.ccd"), *HERE, "--rule", "fixed-factor", "--mt", "40"]
    words += [
        "--factor",
        "1",
        "--percent",
        "120",
        "--protocol",
        "10hz_dlpfc",
        "-q",
        "--threads",
        "1",
        "--json",
    ]
    named = [*words, "--at", "m1_hand", "--tables", str(tmp_path / "own.json")]
    found = []
    for given in (named, [*words, "--at", "-40,40,38"]):
        assert cli.main(given) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["intensity"]["site"] == found[1]["intensity"]["site"]
    assert [one["limits"]["verdict"] for one in found] == ["outside", "inside"]


def test_a_target_on_the_scalp_is_the_brain_below_it(inputs, capsys):
    words = ["dose", "phantom", str(inputs / "a.ccd"), *HERE, "--at", "scalp_c3", *FIXED[2:]]
    assert cli.main([*words, "-q", "--threads", "1"]) == 0
    assert "scalp_c3: the target is what is nearest to it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [*FIXED[:2], "--rule", "scalp-distance", "--mt", "50", *THERE, "--mt-coil", "c.ccd"],
            "--mt-coil is no option of --rule scalp-distance",
        ),
        ([*FIXED[:-2]], "--rule fixed-field needs --field"),
        ([*FIXED, "--mt", "45"], "--mt is no option of --rule fixed-field"),
        ([*MATCHED[:-2]], "needs --mt-pose, or --mt-centre and --mt-handle"),
        ([*MATCHED, "--mt-pose", "x.npy"], "needs --mt-pose, or --mt-centre and --mt-handle"),
        ([*MATCHED, "--placement", "1"], "is not mm and degrees"),
        ([*FIXED, "--thresholds", "a"], "is not a number of V/m"),
        ([*FIXED[2:], "--radius", "5", "--region", "tissue:2"], "--radius is an option of --at"),
    ],
)
def test_wrong_usage(inputs, capsys, words, message):
    assert cli.main(run(inputs, *HERE, *words)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "coil", "message"),
    [
        (FIXED, "b.ccd", "--didt-max"),
        ([*FIXED, "--protocol", "itsb"], "a.ccd", "did you mean 'itbs'"),
        ([*FIXED[:-1], "900"], "a.ccd", "%MSO would be needed for 900.0 V/m"),
        ([*MATCHED, "--mt-coil", "b.ccd"], "a.ccd", "coil at the motor threshold"),
    ],
)
def test_what_can_not_be_is_said(inputs, capsys, words, coil, message):
    fails(capsys, run(inputs, *HERE, *words, coil=coil), message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--field", "0.06"], "V/mm"),
        (["--thresholds", "-5"], "thresholds"),
        (["--percent", "1.2"], "in percent"),
        (["--placement", "-1,3"], "shift_mm"),
    ],
)
def test_impossible_numbers_end_before_the_head_is_read(inputs, monkeypatch, capsys, words, message):
    monkeypatch.setattr("headfield.commands.dose.GivenHead", lambda args: pytest.fail("it was read"))
    fails(capsys, [*run(inputs, *HERE, *FIXED), *words], message)


def test_a_protocol_at_another_percent_ends_before_the_head_is_read(inputs, monkeypatch, capsys):
    monkeypatch.setattr("headfield.commands.dose.GivenHead", lambda args: pytest.fail("it was read"))
    words = ["--at", "-40,40,38", "--rule", "fixed-factor", "--mt", "50", "--protocol", "10hz_dlpfc"]
    fails(capsys, run(inputs, *HERE, *words), "is given at 120 % of the motor threshold")


def test_a_share_of_what_is_not_known(inputs, capsys):
    assert cli.main(run(inputs, *HERE, *FIXED, "--didt-max", "60%")) == 2
    assert "no percentage" in capsys.readouterr().err
