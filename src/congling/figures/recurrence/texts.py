"""What ``hidden_states.js`` says, by name."""

from __future__ import annotations

from congling.language import _


def recurrence_texts() -> dict[str, str]:
    """Every text of the picture in the current language; the page around it must have ``map_label`` as well."""
    return {
        "states_title": _("State through time"),
        "states_text": _(
            "Each row is a unit of the recurrent layer, each column a position of the text: what the unit held once it "
            "had read that far. Shown are the units that moved most, ordered by when they are largest."
        ),
        "scan_picker": _("Layer"),
        "value_picker": _("Value"),
        "scan_forward": _("layer {layer}"),
        "scan_backward": _("layer {layer}, read backwards"),
        "unit_value": _("{piece} · unit {unit} of {units}: {value}"),
        "value_hidden": _("hidden state"),
        "value_cell": _("cell"),
        "value_input_gate": _("input gate: how much of what is new comes in"),
        "value_forget_gate": _("forget gate: how much of the cell is kept"),
        "value_output_gate": _("output gate: how much of the cell is shown"),
        "value_reset": _("reset gate: how much of the state is asked"),
        "value_update": _("update gate: how much of the state is kept"),
        "value_candidate": _("candidate: what may come in"),
    }
