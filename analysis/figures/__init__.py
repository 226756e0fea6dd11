"""Every figure twice: printed by Matplotlib, and as a chart of index.html with the same numbers. One module
per figure.

catalogue               the figures, in order
figure                  the definition of a figure
files                   figures as files, and the captions of a report
background              drawing in a second process
style                   the style that printed figures share
labels                  text in print: widths, labels at the ends of lines, one legend
forest                  every arm's difference to its reference
paired_by_seed          seed by seed
factor_effects          scores by level of every factor
heat_map                scores at the crossings of two factors
factors                 shared by these two
clip_against_accuracy   score against clipping
curves                  over a run
tuning                  budgets and options of a tuned study
replay                  recorded runs under other clip bounds
clipping                whether arms were matched on clipping
arm_series              the series in charts of a study
model                   Chart: the contents of a chart, independent of drawing
svg                     a chart as HTML
svg_forest              a forest plot
svg_frame               axes of a panel
svg_marks               its lines, points, slopes and tiles
"""
