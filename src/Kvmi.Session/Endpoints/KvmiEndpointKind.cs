namespace Kvmi.Session.Endpoints;

/// <summary>The kinds of socket that a tool can listen on.</summary>
public enum KvmiEndpointKind
{
    /// <summary>A Unix stream socket, named by a path.</summary>
    Unix,

    /// <summary>A TCP port.</summary>
    Tcp,

    /// <summary>A vsock port, reached by hypervisors from outside the VM that the tool runs in.</summary>
    Vsock,
}
