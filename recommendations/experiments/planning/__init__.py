"""Before an experiment: the users of the last weeks, how many users and days it takes, and its A/A certificate."""
