module example.com/avmaverify

go 1.19
