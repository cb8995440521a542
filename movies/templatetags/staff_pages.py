"""`{{ at|when }}` and `{{ at|ago }}`: times as movies/admin/times.py writes them."""

from django import template

from movies.admin import times

register = template.Library()
register.filter("when", times.when)
register.filter("ago", times.ago)
