module avma.dev/avmaverify

go 1.19
