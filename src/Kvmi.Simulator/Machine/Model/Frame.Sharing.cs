namespace Kvmi.Simulator.Machine.Model;

/// <content>Bytes that another machine's frame has too. Access rights and the place in memory stay this frame's own.</content>
internal sealed partial class Frame
{
    /// <summary>Shows the bytes of another frame from now on.</summary>
    public void Share(Frame other)
    {
        Volatile.Write(ref _data, other.Data);
        Touch();
    }

    /// <summary>Takes fresh bytes, all zero.</summary>
    public void Renew()
    {
        Volatile.Write(ref _data, new byte[PhysicalMemory.PageSize]);
        Touch();
    }
}
