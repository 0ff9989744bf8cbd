# SPDX-License-Identifier: BSD-3-Clause
"""From a field to a dose: pulses, stimulator output, protocols, thresholds, sessions."""

from .activation.about import ThresholdModel
from .activation.activation import activation
from .activation.answer import Activation
from .activation.columns import gradient_along_columns, relative_change
from .activation.fibres import FibreActivation, activating_function
from .activation.forms import ThresholdForm, layer_depths, threshold_form
from .activation.streamline_files import iter_streamlines, read_streamlines
from .activation.streamlines import PlacedStreamlines, Streamlines
from .activation.subject import factor_from_motor_threshold
from .activation.tables import ThresholdTable, read_threshold_table
from .heating import Heating, heating
from .intensity.intensity import intensity
from .intensity.result import Intensity
from .intensity.rules import FixedFactor, FixedField, MatchedField, ScalpDistance
from .maps.dose_map import DoseMap
from .maps.make import dose_map
from .plasticity.calcium import calcium_plasticity
from .plasticity.calcium_response import CalciumResponse
from .plasticity.huang import huang2011
from .plasticity.huang_response import HuangResponse
from .plasticity.words import NO_MODEL_OVER_WEEKS, session_statements
from .protocols.files import read_protocol, write_protocol
from .protocols.level import Level
from .protocols.limits import check_limits
from .protocols.limits_report import LimitCheck, LimitsReport
from .protocols.named import named_protocols, protocols
from .protocols.protocol import Protocol
from .pulses.equivalence import equivalent_mso
from .pulses.membrane import Depolarisation
from .pulses.pulse import Pulse
from .pulses.read import read_pulse
from .pulses.strength_duration import chronaxie_s, lapicque, time_constant_s, weiss
from .report import SessionReport, session_report
from .stimulator_output import didt_at_full_output, didt_of_mso, mso_of_didt

__all__ = [
    "NO_MODEL_OVER_WEEKS",
    "Activation",
    "CalciumResponse",
    "Depolarisation",
    "DoseMap",
    "FibreActivation",
    "FixedFactor",
    "FixedField",
    "Heating",
    "HuangResponse",
    "Intensity",
    "Level",
    "LimitCheck",
    "LimitsReport",
    "MatchedField",
    "PlacedStreamlines",
    "Protocol",
    "Pulse",
    "ScalpDistance",
    "SessionReport",
    "Streamlines",
    "ThresholdForm",
    "ThresholdModel",
    "ThresholdTable",
    "activating_function",
    "activation",
    "calcium_plasticity",
    "check_limits",
    "chronaxie_s",
    "didt_at_full_output",
    "didt_of_mso",
    "dose_map",
    "equivalent_mso",
    "factor_from_motor_threshold",
    "gradient_along_columns",
    "heating",
    "huang2011",
    "intensity",
    "iter_streamlines",
    "lapicque",
    "layer_depths",
    "mso_of_didt",
    "named_protocols",
    "protocols",
    "read_protocol",
    "read_pulse",
    "read_streamlines",
    "read_threshold_table",
    "relative_change",
    "session_report",
    "session_statements",
    "threshold_form",
    "time_constant_s",
    "weiss",
    "write_protocol",
]
