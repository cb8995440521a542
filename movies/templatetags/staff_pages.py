"""`{{ at|when }}` and `{{ at|ago }}`: times as movies/foundation/times.py writes them."""

from django import template

from movies.foundation import times

register = template.Library()
register.filter("when", times.when)
register.filter("ago", times.ago)
