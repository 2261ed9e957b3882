"""What the admin is called. Each app registers its own tables in its admin.py."""

from django.contrib import admin

admin.site.site_header = "Actionlog"
admin.site.site_title = "Actionlog"
admin.site.index_title = "The record"
