"""Pictures: every function draws on the axes it is given and returns them.

``fig, axes = panels(1, 3)`` makes the axes, and ``show(fig)`` displays the figure. Every function
also says in words, computed from what it draws, what there is to see; ``show`` makes that the
figure's alternative text. Colours are Okabe and Ito's, which colour-blind readers can tell apart;
grids count rows downwards and columns to the right, from 0, as tensors do.
"""

from helpers.plots.charts import bars, curves, dots, runs, scatter
from helpers.plots.convolution import (
    activation_map,
    picture,
    receptive_tree,
    sliding_step,
    stamp,
    volumes,
    window_columns,
    window_grid,
)
from helpers.plots.design import answer_map, configurations, field_map, ratio_curves
from helpers.plots.figures import PALE, PALETTE, WHITE, in_words, panels, show, sliders, table
from helpers.plots.grids import (
    confusion,
    connections,
    heat_grid,
    incidence,
    number_grid,
    outline,
    tiles,
)
from helpers.plots.history import errors_by_configuration, errors_by_year
from helpers.plots.inception import branches, by_layer, counts, stacked_bars
from helpers.plots.networks import cost_bars, diagram, residual_block, stages
from helpers.plots.pooling import sent_back, windows_on_a_line
