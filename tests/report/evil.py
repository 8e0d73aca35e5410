"""A column's name that is a program, for a page that must show it as text."""

EVIL = "<script>document.title='stolen'</script>"
