"""The findings of cdk-nag in an app with a recipe: the table or the recipe's page explains each."""

from pathlib import Path

import pytest

from docs.recipes.recipe import RECIPES, Recipe
from tools.compliance.acknowledgements import parse_acknowledgements, read_acknowledgements
from tools.compliance.review import findings


@pytest.mark.parametrize("name", RECIPES)
def test_every_finding_of_a_recipe_has_exactly_one_explanation(name: str, tmp_path: Path) -> None:
    recipe = Recipe.of_page(name)
    of_page = parse_acknowledgements(recipe.acknowledgements)
    with recipe.app(tmp_path) as app:
        found = set(findings(app))
    entries = (*read_acknowledgements(), *of_page)
    explanations = {finding: sum(e.covers(finding) for e in entries) for finding in found}
    assert {finding: count for finding, count in explanations.items() if count != 1} == {}
    assert [case for entry in of_page for case in entry.stale_cases(found)] == []
