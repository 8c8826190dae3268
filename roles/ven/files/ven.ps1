# Runs on a Windows host for the module ven and the role ven: gets the status of the VEN, pairs, or unpairs. All that
# varies comes in parameters: nothing is built from strings. Its result is $Ansible.Result: rc, and what was said.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidateSet('status', 'pair', 'unpair')]
    [string] $Action,

    [Parameter(Mandatory = $true)]
    [string] $ProgramDirectory,

    [ValidateSet('', 'recommended', 'saved', 'open', 'unmanaged')]
    [string] $Mode = '',

    # Further words for the control program, such as those of a maintenance token.
    [string[]] $Words = @(),

    [bool] $Unsuspend = $false,

    [string] $PairingScript = '',

    [string] $ManagementServer = '',

    [Security.SecureString] $ActivationCode,

    # Options of pair.ps1 beside the server and the code.
    [Collections.IDictionary] $Options = @{},

    [Collections.IDictionary] $Environment = @{},

    [int] $Timeout = 60
)

# VENs have the .exe from 24.2.10 on.
function Find-ControlProgram {
    foreach ($name in 'illumio-ven-ctl.exe', 'illumio-ven-ctl.ps1') {
        $path = Join-Path -Path $ProgramDirectory -ChildPath $name
        if (Test-Path -LiteralPath $path -PathType Leaf) {
            return $path
        }
    }
}

# Run a program or a script and wait for it, at most $Seconds. In this process: its command line shows no secret.
function Invoke-Limited {
    param ([string] $Path, $Words, [int] $Seconds)

    $shell = [PowerShell]::Create()
    [void] $shell.AddScript({
        param ($Path, $Words)
        $global:LASTEXITCODE = 0
        $run = {
            try {
                # Named in the call itself: splatted names would reach a script that reads $args with a colon. What is
                # rarely used is splatted all the same, since a name that is not used cannot be named.
                if ($Words -is [Collections.IDictionary]) {
                    $more = $Words['more']
                    & $Path -management-server $Words['management-server'] -activation-code $Words['activation-code'] @more
                }
                else {
                    & $Path @Words
                }
            }
            catch {
                $_
                $global:LASTEXITCODE = 1
            }
        }
        $said = & $run *>&1 | Out-String -Width 4096
        @{ rc = [int] $global:LASTEXITCODE; said = [string] $said }
    }.ToString()).AddArgument($Path).AddArgument($Words)
    $waiting = $shell.BeginInvoke()
    if (-not $waiting.AsyncWaitHandle.WaitOne([TimeSpan]::FromSeconds($Seconds))) {
        # Not waited for: what hangs may not let itself be stopped either.
        [void] $shell.BeginStop($null, $null)
        return @{ rc = 124; said = '' }
    }
    try {
        return $shell.EndInvoke($waiting)[0]
    }
    finally {
        $shell.Dispose()
    }
}

function Get-Status {
    $lines = 'microseg-hostname=' + [Net.Dns]::GetHostName() + "`n"
    $program = Find-ControlProgram
    if (-not $program) {
        return @{ rc = 0; said = $lines + "microseg-program=missing`nAgent State: uninstalled`n" }
    }
    $answer = Invoke-Limited -Path $program -Words @('status') -Seconds 60
    if ($answer.said -notmatch '(?im)^\s*version\s*:') {
        $version = Invoke-Limited -Path $program -Words @('version') -Seconds 60
        $lines += 'microseg-version=' + ($version.said.Trim() -split "`r?`n")[0] + "`n"
    }
    return @{ rc = $answer.rc; said = $lines + $answer.said }
}

function Invoke-PairingScript {
    # A directory of this run's own, in the one that Ansible keeps for this user alone.
    $directory = Join-Path -Path $Ansible.Tmpdir -ChildPath ('microseg-' + [Guid]::NewGuid().ToString())
    try {
        [void] (New-Item -ItemType Directory -Path $directory -ErrorAction Stop)
        $file = Join-Path -Path $directory -ChildPath 'pair.ps1'
        # Without a mark of the encoding, as it would have been downloaded: a signature counts every byte.
        [IO.File]::WriteAllText($file, $PairingScript, (New-Object -TypeName Text.UTF8Encoding -ArgumentList $false))
        # As the PCE's own pairing command does: TLS 1.2 for what the script downloads, and scripts may run.
        $protocols = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType] 3072
        [Net.ServicePointManager]::SecurityProtocol = $protocols
        try {
            Set-ExecutionPolicy -Scope Process -ExecutionPolicy RemoteSigned -Force -ErrorAction Stop
        }
        catch {
            Write-Verbose -Message 'A policy of the domain decides which scripts may run.'
        }
        $code = (New-Object -TypeName Net.NetworkCredential -ArgumentList '', $ActivationCode).Password
        $given = @{ 'management-server' = $ManagementServer; 'activation-code' = $code; 'more' = $Options }
        $answer = Invoke-Limited -Path $file -Words $given -Seconds $Timeout
        return @{ rc = $answer.rc; said = $answer.said.Replace($code, '***') }
    }
    finally {
        Remove-Item -LiteralPath $directory -Recurse -Force -ErrorAction SilentlyContinue
    }
}

# To a user who may not look, a VEN would seem to be missing.
$user = New-Object -TypeName Security.Principal.WindowsPrincipal -ArgumentList (
    [Security.Principal.WindowsIdentity]::GetCurrent()
)
if (-not $user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    throw 'administrator rights are needed to look for the VEN'
}

foreach ($name in @($Environment.Keys)) {
    [Environment]::SetEnvironmentVariable($name, [string] $Environment[$name], 'Process')
}

$Ansible.Changed = $Action -ne 'status'
switch ($Action) {
    'status' {
        $Ansible.Result = Get-Status
    }
    'pair' {
        $Ansible.Result = Invoke-PairingScript
    }
    'unpair' {
        $program = Find-ControlProgram
        if (-not $program) {
            throw 'the control program of the VEN is missing'
        }
        if ($Unsuspend) {
            $answer = Invoke-Limited -Path $program -Words @('unsuspend') -Seconds $Timeout
            if ($answer.rc -ne 0) {
                $Ansible.Result = $answer
                return
            }
        }
        $Ansible.Result = Invoke-Limited -Path $program -Words (@('unpair', $Mode) + $Words) -Seconds $Timeout
    }
}
