using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Kvmi.Protocol.Handshake;

/// <summary>
/// The proof that the tool knows the VM's secret: SHA-1 over its raw bytes, no salt, no terminator (kvmi-later-dialects.md
/// 2.3). It travels in clear and can be replayed; the socket's permissions are the real protection.
/// </summary>
public static class CookieHash
{
    /// <summary>Bytes of the hash.</summary>
    public const int Length = 20;

    /// <summary>Hashes a secret.</summary>
    /// <param name="secret">The bytes of QEMU's secret object, exactly.</param>
    /// <param name="hash">At least 20 bytes.</param>
    /// <exception cref="ArgumentException">The destination is too small.</exception>
    [SuppressMessage("Security", "CA5350", Justification = "SHA-1 is what every deployed QEMU compares; the protocol offers no other.")]
    public static void Compute(ReadOnlySpan<byte> secret, Span<byte> hash)
    {
        if (hash.Length < Length)
        {
            throw new ArgumentException($"A cookie hash needs {Length} bytes, the destination has {hash.Length}.", nameof(hash));
        }

        SHA1.HashData(secret, hash);
    }

    /// <summary>Compares two hashes in a time that does not depend on where they differ.</summary>
    public static bool FixedTimeEquals(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
        CryptographicOperations.FixedTimeEquals(left, right);
}
