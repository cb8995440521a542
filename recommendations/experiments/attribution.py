"""Which list a start and its finishes count for: the one that the user read last before the start. As SQL.

Everything is a function of stored facts, so the order in which they arrive changes nothing.
"""

# Of `exposed` (user_id, exposed_at, until, ...): the starts in the user's window, each with whether the list it
# counts for recommended the movie, and whether the movie was on the other arm's list as well. {counts} says of a
# `list` whether it is one of those whose recommendations count.
STARTS = """
SELECT start.user_id, start.movie_id, start.started_at AS at, start.is_rec, start.group_id,
       coalesce(list.recommended, false) AS recommended, coalesce(list.on_both, false) AS on_both
FROM exposed JOIN recommendations_start AS start USING (user_id)
LEFT JOIN LATERAL (
    SELECT ({counts}) AND start.movie_id = ANY (list.movies) AS recommended,
           ({counts}) AND start.movie_id = ANY (list.movies) AND start.movie_id = ANY (list.other) AS on_both
    FROM recommendations_listread AS list
    WHERE list.user_id = start.user_id AND list.read_at BETWEEN exposed.exposed_at AND start.started_at
    ORDER BY list.read_at DESC, list.made_at DESC LIMIT 1
) AS list ON true
WHERE start.started_at >= exposed.exposed_at AND start.started_at < exposed.until
"""
# All finishes of these users, by the time that orders them.
VIEWS = """
SELECT user_id, movie_id, coalesce(effective_at, watched_at) AS at FROM movies_view
WHERE user_id = ANY (%(users)s)
"""
# Of `exposed` and `views`: finishes in the BEFORE_DAYS days before the exposure, of users with any.
BEFORE_DAYS = 14
BEFORE = f"""
SELECT user_id, count(*) AS before FROM exposed JOIN views USING (user_id)
WHERE views.at < exposed.exposed_at AND views.at >= exposed.exposed_at - interval '{24 * BEFORE_DAYS} hours'
GROUP BY user_id
"""  # noqa: S608 -- made of constants
