"""What all tests share."""

import pytest

SLOW = (  # tests of 10 seconds and more whose like run too; `.ci/run --full` runs them
    *(
        f"test_version_answers_without_python_as_in_python[{name}-binarized_mnist/1]"
        for name in ("nadek", "pixelcnn", "neural", "rowlstm", "diagonal_bilstm")
    ),
    "test_version_answers_without_python_as_in_python[gated_pixelcnn-fashion_mnist/1]",
    "test_a_recipe_writes_its_result_and_its_curve[gated_pixelcnn-fashion_mnist]",
    "test_a_recipe_writes_its_result_and_its_curve[charrnn-tiny_shakespeare]",
    "test_a_recipe_of_networks_averages_their_probabilities",
    "test_mirrored_on_two_devices",
    "test_completions_are_those_of_the_model",
    "test_a_signal_ends_a_training_as_ctrl_c_does[1]",
    "test_a_shipped_model_bears_a_load",
    "test_answers_are_those_of_the_model[diagonal-bilstm]",
    "test_answers_are_those_of_the_model[gated-pixelcnn]",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.name in SLOW:
            item.add_marker(pytest.mark.slow)
