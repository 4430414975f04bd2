"""The never-down runs: something changes while a strict load runs, and every request is counted. What is where:

    ours.py     the site under test: the one of the end-to-end tests, with releases that can be deployed
    peers.py    nginx, haproxy and gunicorn, each with the settings that lose least, and how each is reloaded
    measure.py  one event under one load: a Row; and how many times how fast (Scale)
    web.py      cases of the web server: reload, upgrade, a killed front, long connections
    app.py      cases of the application: deploy, killed workers, broken releases, stop, pause, hang, leak, rollback
    state.py    cases with something to keep: the database restarted, the soak
    report.py   the rows as tables in bench/never-down.md

The same cases in small, ours only, run as tests/e2e/test_never_down.py.
"""
