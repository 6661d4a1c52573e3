"""What people look at: Grafana boards, announcements, the built-in site."""
