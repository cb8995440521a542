"""An experiment on a replay: each user is dealt to an arm, and reads the arm's list just before each finish."""
