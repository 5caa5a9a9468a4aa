"""Every write on figures: one atomic function a deed, told who acts, refusing with a reason.

Role, object and state are checked here, under the lock, whatever the view did before.
"""

from indicators.actions.entries import Draft, Outcome, SavedCell, add_evidence, save_cells, save_entries
from indicators.actions.exemptions import exempt
from indicators.actions.figures import ComparisonInput, RankInput, VintageInput, record_published, release
from indicators.actions.handing_in import decline, send_for_signature, sign, submit, submit_staged, withdraw
from indicators.actions.lights import (
    adopt_rule,
    assign_rule,
    end_exemption,
    exempt_light,
    judge,
    judge_latest,
    judge_unjudged,
)
from indicators.actions.moves import APPROVE, MOVES, Move, Offer, allowed_moves, offer, refusal, refusals
from indicators.actions.publishing import publish_staged
from indicators.actions.review import (
    BulkApproval,
    CellReturn,
    approve,
    approve_many,
    bulk_refusals,
    excuse,
    reopen,
    resume,
    return_submission,
)
from indicators.actions.rounds import (
    add_forms,
    change_round,
    chase,
    end_exception,
    grant_exception,
    open_due_rounds,
    open_round,
)
from indicators.actions.stories import (
    ANNOTATORS,
    EXPLAINERS,
    annotate,
    drop_reason,
    explain_growth,
    may_remark,
    remark,
    withdraw_annotation,
)
from indicators.actions.targets import set_target
from indicators.actions.workbooks import FORM, drop_workbook, keep_workbook, write_workbook

__all__ = [
    "ANNOTATORS",
    "APPROVE",
    "EXPLAINERS",
    "FORM",
    "MOVES",
    "BulkApproval",
    "CellReturn",
    "ComparisonInput",
    "Draft",
    "Move",
    "Offer",
    "Outcome",
    "RankInput",
    "SavedCell",
    "VintageInput",
    "add_evidence",
    "add_forms",
    "adopt_rule",
    "allowed_moves",
    "annotate",
    "approve",
    "approve_many",
    "assign_rule",
    "bulk_refusals",
    "change_round",
    "chase",
    "decline",
    "drop_reason",
    "drop_workbook",
    "end_exception",
    "end_exemption",
    "excuse",
    "exempt",
    "exempt_light",
    "explain_growth",
    "grant_exception",
    "judge",
    "judge_latest",
    "judge_unjudged",
    "keep_workbook",
    "may_remark",
    "offer",
    "open_due_rounds",
    "open_round",
    "publish_staged",
    "record_published",
    "refusal",
    "refusals",
    "release",
    "remark",
    "reopen",
    "resume",
    "return_submission",
    "save_cells",
    "save_entries",
    "send_for_signature",
    "set_target",
    "sign",
    "submit",
    "submit_staged",
    "withdraw",
    "withdraw_annotation",
    "write_workbook",
]
