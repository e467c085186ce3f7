#Requires -Version 5.1
#Requires -PSEdition Desktop
#Requires -RunAsAdministrator
<#
.SYNOPSIS
  Carries packets between one Hyper-V guest's Data Exchange (KVP) and an avma host's named pipe.

.DESCRIPTION
  NOT TRIED. This script was written from Microsoft's documentation of the WMI classes and from avma's own KVP message
  format; nobody has run it on a Hyper-V host yet. Try it with a guest that does not matter, and read README.md first.

  It understands nothing of what it carries. A request is in the guest's items (Linux: pool 1) under the keys
  avma.EXCHANGE-ID.n/m, in parts of at most 900 characters; it goes to the pipe as one line, and the line that comes
  back goes to the host's items (pool 0) in the same manner. An answer is taken away when the guest has taken its
  request away. Windows PowerShell 5.1, because later ones have no Get-WmiObject.

.EXAMPLE
  .\avma-kvp-relay.ps1 -VMName web01 -PipeName avma-web01
#>
[CmdletBinding()]
param(
  [Parameter(Mandatory)] [string] $VMName,
  # The host's end: avma host serve --listen "npipe://./pipe/avma-web01,vm=$((Get-VM web01).Id)"
  [Parameter(Mandatory)] [string] $PipeName,
  [ValidateRange(1, 60)] [int] $IntervalSeconds = 1,
  [ValidateRange(1, 60)] [int] $HostTimeoutSeconds = 10
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$Namespace = 'root\virtualization\v2'
$KeyPattern = '^avma\.([0-9a-f]{32})\.([1-9])/([1-9])$'
$MostParts = 5
$PartLength = 900

# WMI gives each item as the XML text of an embedded instance.
function Read-Items($texts) {
  foreach ($text in @($texts)) {
    if (-not $text) { continue }
    $item = @{ Name = ''; Data = '' }
    foreach ($property in ([xml] $text).SelectNodes('/INSTANCE/PROPERTY')) {
      $value = $property.SelectSingleNode('VALUE')
      if ($null -ne $value) { $item[$property.GetAttribute('NAME')] = $value.InnerText }
    }
    if ($item.Name -cmatch $KeyPattern) {
      [pscustomobject] @{
        Key = $item.Name; Value = $item.Data
        Exchange = $Matches[1]; Part = [int] $Matches[2]; Total = [int] $Matches[3]
      }
    }
  }
}

# The lines that are there with all their parts, by exchange. Of two parts with one key the first counts.
function Join-Lines($items) {
  $lines = @{}
  $sound = @($items | Where-Object { $_ -and $_.Total -le $MostParts -and $_.Part -le $_.Total })
  $messages = @($sound | Group-Object -Property 'Exchange', 'Total')
  foreach ($message in $messages) {
    $parts = @{}
    foreach ($item in $message.Group) { if (-not $parts.ContainsKey($item.Part)) { $parts[$item.Part] = $item.Value } }
    $total = $message.Group[0].Total
    if ($parts.Count -eq $total) { $lines[$message.Group[0].Exchange] = -join (1..$total | ForEach-Object { $parts[$_] }) }
  }
  $lines
}

function Split-Line([string] $exchange, [string] $line) {
  $total = [int] [Math]::Ceiling([Math]::Max(1, $line.Length) / $PartLength)
  foreach ($part in 1..$total) {
    $start = ($part - 1) * $PartLength
    @{ Name = "avma.$exchange.$part/$total"; Data = $line.Substring($start, [Math]::Min($PartLength, $line.Length - $start)) }
  }
}

function Invoke-Kvp([string] $method, $vm, $pairs) {
  $texts = foreach ($pair in $pairs) {
    $item = ([wmiclass] "${Namespace}:Msvm_KvpExchangeDataItem").CreateInstance()
    $item.Name = $pair.Name
    $item.Data = $pair.Data
    $item.Source = 0
    $item.PSBase.GetText([System.Management.TextFormat]::CimDtd20)
  }
  $service = Get-WmiObject -Namespace $Namespace -Class Msvm_VirtualSystemManagementService
  $parameters = $service.PSBase.GetMethodParameters($method)
  $parameters.TargetSystem = $vm.__PATH
  $parameters.DataItems = [string[]] @($texts)
  $result = $service.PSBase.InvokeMethod($method, $parameters, $null)
  if ($result.ReturnValue -eq 0) { return }
  # 4096: it goes on as a job, whose state is 7 when it is done and more when it has failed.
  if ($result.ReturnValue -ne 4096) { throw "$method failed with $($result.ReturnValue)" }
  $job = [wmi] $result.Job
  while ($job.JobState -lt 7) { Start-Sleep -Milliseconds 50; $job.PSBase.Get() }
  if ($job.JobState -ne 7) { throw "$method failed with $($job.ErrorCode): $($job.ErrorDescription)" }
}

# The line that answers this exchange, or null when none came in time.
function Get-Answer([string] $exchange, [string] $line) {
  $pipe = [System.IO.Pipes.NamedPipeClientStream]::new(
    '.', $PipeName, [System.IO.Pipes.PipeDirection]::InOut, [System.IO.Pipes.PipeOptions]::Asynchronous)
  try {
    $pipe.Connect($HostTimeoutSeconds * 1000)
    $bytes = [Text.Encoding]::ASCII.GetBytes("`n$line`n")
    $pipe.Write($bytes, 0, $bytes.Length)
    $reader = [System.IO.StreamReader]::new($pipe, [Text.Encoding]::ASCII)
    $deadline = [DateTime]::UtcNow.AddSeconds($HostTimeoutSeconds)
    for (;;) {
      $next = $reader.ReadLineAsync()
      $left = [int] ($deadline - [DateTime]::UtcNow).TotalMilliseconds
      if ($left -le 0 -or -not $next.Wait($left) -or $null -eq $next.Result) { return $null }
      if ($next.Result -cmatch "^avma/\d+ [a-z-]+ $exchange( [A-Za-z0-9_-]*)?$") { return $next.Result }
    }
  } finally {
    $pipe.Dispose()
  }
}

$answered = @{}
$trouble = ''
Write-Verbose "Carrying packets of $VMName to \\.\pipe\$PipeName."
for (;;) {
  try {
    # The host itself is among them; it has no GUID for a name.
    $vms = @(Get-WmiObject -Namespace $Namespace -Class Msvm_ComputerSystem |
      Where-Object { $_.ElementName -eq $VMName -and $_.Name -match '^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$' })
    if ($vms.Count -ne 1) { throw "there are $($vms.Count) VMs of the name $VMName" }
    $vm = $vms[0]
    $component = @($vm.PSBase.GetRelated('Msvm_KvpExchangeComponent'))[0]
    $settings = @($component.PSBase.GetRelated('Msvm_KvpExchangeComponentSettingData'))[0]
    $asked = @(Read-Items $component.GuestExchangeItems)
    $said = @(Read-Items $settings.HostExchangeItems)
    $requests = Join-Lines $asked
    $answers = Join-Lines $said
    foreach ($exchange in @($answered.Keys)) { if (-not $requests.ContainsKey($exchange)) { $answered.Remove($exchange) } }

    # A relay that was started again finds its own answers. What is left of half an answer would be in the way.
    $fresh = @($requests.Keys | Where-Object { -not $answered.ContainsKey($_) -and -not $answers.ContainsKey($_) })
    $asking = @($asked | ForEach-Object { $_.Exchange })
    $over = @($said | Where-Object { $asking -cnotcontains $_.Exchange -or $fresh -ccontains $_.Exchange })
    if ($over.Count -gt 0) {
      Invoke-Kvp RemoveKvpItems $vm @($over | ForEach-Object { @{ Name = $_.Key; Data = $_.Value } })
    }
    foreach ($exchange in $fresh) {
      $answer = Get-Answer $exchange $requests[$exchange]
      if ($null -eq $answer) { throw "no answer from \\.\pipe\$PipeName in time" }
      Invoke-Kvp AddKvpItems $vm @(Split-Line $exchange $answer)
      $answered[$exchange] = $true
    }
    $trouble = ''
  } catch {
    # A VM that is off, a host that is away: the guest asks again, so nothing has to end here. Said once, not each time.
    if ($trouble -ne $_.Exception.Message) { Write-Warning $_.Exception.Message }
    $trouble = $_.Exception.Message
  }
  Start-Sleep -Seconds $IntervalSeconds
}
