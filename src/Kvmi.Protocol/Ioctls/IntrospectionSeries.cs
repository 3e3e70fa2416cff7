namespace Kvmi.Protocol.Ioctls;

/// <summary>
/// The patch series whose kernels give introspection its ioctls. Finer than <see cref="KvmiDialect"/>: series with the same
/// bytes on the socket number their ioctls differently (kvmi-later-dialects.md 2.7).
/// </summary>
public enum IntrospectionSeries
{
    /// <summary>Mailing list, RFC v5 (December 2018): one HOOK that carries both masks, and UNHOOK.</summary>
    RfcV5 = 0,

    /// <summary>Mailing list, RFC v6 (August 2019).</summary>
    ListV6 = 1,

    /// <summary>The community kernel branch kvmi-v7, whose wire dialect is <see cref="KvmiDialect.V7"/>.</summary>
    BranchV7 = 2,

    /// <summary>Mailing list, RFC v7 (February 2020).</summary>
    ListV7 = 3,

    /// <summary>Mailing list, v8 (March 2020).</summary>
    ListV8 = 4,

    /// <summary>Mailing list, v9 (July 2020).</summary>
    ListV9 = 5,

    /// <summary>Mailing list, v10 and v11 (2020), whose wire dialect is <see cref="KvmiDialect.V11"/>.</summary>
    ListV11 = 6,

    /// <summary>Mailing list and community branch, v12 (October 2021).</summary>
    ListV12 = 7,
}
