# SPDX-License-Identifier: BSD-3-Clause
"""From a field to a dose: pulses, stimulator output, protocols, thresholds, sessions."""

from .heat import Heating, heating
from .maps.dose_map import DoseMap
from .maps.make import dose_map
from .neurons.about import ThresholdModel
from .neurons.activation import activation
from .neurons.answer import Activation
from .neurons.columns import gradient_along_columns, relative_change
from .neurons.fibres import FibreActivation, activating_function
from .neurons.forms import ThresholdForm, layer_depths, threshold_form
from .neurons.streamline_files import iter_streamlines, read_streamlines
from .neurons.streamlines import PlacedStreamlines, Streamlines
from .neurons.subject import factor_from_motor_threshold
from .neurons.tables import ThresholdTable, read_threshold_table
from .plasticity.calcium import calcium_plasticity
from .plasticity.calcium_response import CalciumResponse
from .plasticity.huang import huang2011
from .plasticity.huang_response import HuangResponse
from .plasticity.words import NO_MODEL_OVER_WEEKS, session_statements
from .protocol.files import read_protocol, write_protocol
from .protocol.level import Level
from .protocol.limits import check_limits
from .protocol.limits_report import LimitCheck, LimitsReport
from .protocol.named import named_protocols, protocols
from .protocol.protocol import Protocol
from .pulses.equivalence import equivalent_mso
from .pulses.membrane import Depolarisation
from .pulses.pulse import Pulse
from .pulses.read import read_pulse
from .pulses.strength_duration import chronaxie_s, lapicque, time_constant_s, weiss
from .reports.make import session_report
from .reports.report import SessionReport
from .stimulator_output import didt_at_full_output, didt_of_mso, mso_of_didt
from .strength.intensity import intensity
from .strength.result import Intensity
from .strength.rules import FixedFactor, FixedField, MatchedField, ScalpDistance

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
