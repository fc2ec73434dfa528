"""What `run.py check` looks at, a file a subject. Each gives findings; none changes anything."""
