module verifylines

go 1.19

require avma.dev/avmaverify v0.0.0

replace avma.dev/avmaverify => ../../../verifiers/go
