"""Which label of another cohort answers to which target of a model: a tiny language.

An expression names labels of the other cohort and joins them with ``not``, ``and``, ``or``,
``any(…)``, ``all(…)`` and brackets: ``not norm``, ``any(mi, sttc, cd, hyp)``. A label whose name is
no plain word is quoted: ``"left axis" or cd``. Unknown labels follow Kleene's logic: what the known
labels settle is settled, everything else stays unknown.
"""

import ast
from collections.abc import Mapping
from functools import reduce
from operator import and_, or_

import pandas as pd

from pedecg.core.errors import PedecgError

_JOINS = {"any": or_, "all": and_}


def apply(labels: pd.DataFrame, mapping: Mapping[str, str]) -> pd.DataFrame:
    """Return the labels in the model's terms.

    Parameters
    ----------
    labels : `tables.LABELS` of the other cohort.
    mapping : target of the model -> expression over that cohort's labels.

    Returns
    -------
    record_id and one nullable Int8 column per target of the mapping.

    Raises
    ------
    PedecgError
        If an expression cannot be read or names a label that the cohort does not have.
    """
    known = {
        str(name): labels[name].astype("boolean") for name in labels.columns if name != "record_id"
    }
    mapped = {
        target: _value(_tree(target, expression), known, f"mapping of {target}, {expression!r}")
        for target, expression in mapping.items()
    }
    columns = {target: column.astype("Int8") for target, column in mapped.items()}
    return pd.DataFrame({"record_id": labels["record_id"], **columns})


def _tree(target: str, expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        raise PedecgError(
            f"mapping of {target}: cannot read {expression!r}; "
            "expected labels joined by not, and, or, any(…), all(…)"
        ) from None


def _value(node: ast.expr, known: Mapping[str, pd.Series], place: str) -> pd.Series:
    match node:
        case ast.Name(id=name) | ast.Constant(value=str(name)):
            if name not in known:
                raise PedecgError(f"{place}: no label {name}; labels are {', '.join(known)}")
            return known[name]
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return ~_value(inner, known, place)
        case ast.BoolOp(op=joint, values=parts):
            join = or_ if isinstance(joint, ast.Or) else and_
            return reduce(join, (_value(part, known, place) for part in parts))
        case ast.Call(
            func=ast.Name(id=("any" | "all") as word), args=[_, *_] as parts, keywords=[]
        ):
            return reduce(_JOINS[word], (_value(part, known, place) for part in parts))
    raise PedecgError(
        f"{place}: {ast.unparse(node)!r} is not allowed; "
        "expected labels joined by not, and, or, any(…), all(…)"
    )
