# What the role does on a Windows host: asks the VEN for its status, pairs, or unpairs. It is one script, and all that
# varies comes in parameters: nothing is built from strings. Its answer is $Ansible.Result: rc, and what was said.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidateSet('status', 'pair', 'unpair')]
    [string] $Action,

    [Parameter(Mandatory = $true)]
    [string] $ProgramDirectory,

    [ValidateSet('', 'recommended', 'saved', 'open', 'unmanaged')]
    [string] $Mode = '',

    [string] $PairingScript = '',

    [string] $ManagementServer = '',

    [Security.SecureString] $ActivationCode,

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
                # Named in the call itself: splatted names would reach a script that reads $args with a colon.
                if ($Words -is [Collections.IDictionary]) {
                    & $Path -management-server $Words['management-server'] -activation-code $Words['activation-code']
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
        $words = @{ 'management-server' = $ManagementServer; 'activation-code' = $code }
        $answer = Invoke-Limited -Path $file -Words $words -Seconds $Timeout
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
        $Ansible.Result = Invoke-Limited -Path $program -Words @('unpair', $Mode) -Seconds $Timeout
    }
}
