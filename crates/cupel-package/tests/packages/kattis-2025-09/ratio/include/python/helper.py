VALUE = {{top}}
