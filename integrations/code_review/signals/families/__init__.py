"""The families of signals, one question each."""

from integrations.code_review.signals.families.arguments import argument_order, dropped_keywords
from integrations.code_review.signals.families.calls import lost_statements, lost_wrappers, swapped_calls
from integrations.code_review.signals.families.comparisons import changed_comparisons
from integrations.code_review.signals.families.contexts import lost_contexts, moved_into_loop
from integrations.code_review.signals.families.defaults import changed_defaults, mutable_defaults
from integrations.code_review.signals.families.elements import base_order, lost_elements
from integrations.code_review.signals.families.exits import early_exits, lost_exits
from integrations.code_review.signals.families.guards import lost_guards, lost_operands
from integrations.code_review.signals.families.handlers import changed_handlers
from integrations.code_review.signals.families.mutation import mutation_while_iterating
from integrations.code_review.signals.families.operators import changed_operators, changed_values
from integrations.code_review.signals.families.patterns import widened_patterns
from integrations.code_review.signals.families.removals import left_branches, lost_blocks, lost_effects
from integrations.code_review.signals.families.state import lost_restores, shared_attributes
from integrations.code_review.signals.families.strings import lost_prefixes
from integrations.code_review.signals.families.twins import broken_twins
from integrations.code_review.signals.model import Family

__all__ = ["FAMILIES"]

FAMILIES: tuple[Family, ...] = (
    changed_handlers,
    lost_guards,
    lost_operands,
    changed_comparisons,
    changed_defaults,
    mutable_defaults,
    lost_wrappers,
    lost_statements,
    swapped_calls,
    argument_order,
    dropped_keywords,
    lost_contexts,
    moved_into_loop,
    early_exits,
    lost_exits,
    lost_restores,
    lost_blocks,
    lost_effects,
    left_branches,
    lost_prefixes,
    mutation_while_iterating,
    changed_operators,
    changed_values,
    widened_patterns,
    lost_elements,
    base_order,
    broken_twins,
    shared_attributes,
)
