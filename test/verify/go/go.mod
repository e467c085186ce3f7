module verifylines

go 1.19

require example.com/avmaverify v0.0.0

replace example.com/avmaverify => ../../../verifiers/go
