"""The colour of each genre in charts: 15 that people with colour-blindness can distinguish."""

from movies.genres import GENRES

# Krzywinski's 15 colours for colour-blindness (mk.bcgsc.ca/colorblind), with black lightened for dark pages.
# Neighbours in the order of GENRES differ in lightness as well as in hue.
COLOURS = dict(
    zip(
        GENRES,
        (
            "#920000",
            "#ffb6db",
            "#db6d00",
            "#6db6ff",
            "#006ddb",
            "#ffe94d",
            "#b66dff",
            "#009292",
            "#7d7d85",
            "#ff6db6",
            "#490092",
            "#b6dbff",
            "#24d024",
            "#004949",
            "#924900",
        ),
        strict=True,
    )
)
