namespace Cairn.Push;

/// <summary>The way to another system. What is under way on it belongs to one pusher, which calls one thing at a time.</summary>
interface IPushConnection : IAsyncDisposable
{
    /// <summary>Hands records over, in their order. When it returns the target has them, or they are on the way and <see cref="Arrived"/> will tell.</summary>
    /// <exception cref="PushFailedException">The target may have all, some or none of them.</exception>
    Task Send(Parcel parcel, CancellationToken cancel);

    /// <summary>How many of the parcels that were sent, in their order, are known to have arrived since this was last asked.</summary>
    /// <exception cref="PushFailedException">What was under way may be lost, and must be sent again.</exception>
    int Arrived();

    /// <summary>Ends the connection, so that the next parcel goes over a new one. In good order, it waits for the other side to have read everything.</summary>
    /// <returns>How many more parcels are known to have arrived. What is not among them must be sent again.</returns>
    Task<int> Close(bool inOrder);

    /// <summary>Asks as far as that goes without a record.</summary>
    /// <returns>What is known now.</returns>
    /// <exception cref="PushFailedException">It does not answer, or is not to be trusted.</exception>
    Task<string> Ask(CancellationToken cancel);
}

/// <summary>Records did not reach their target.</summary>
/// <param name="why">In Cairn's own words, for its log and the event of it as well.</param>
sealed class PushFailedException(string why, Exception? inner = null) : IOException(why, inner)
{
    /// <summary>What the receiver said, cut and cleaned; for administrators, and never in a log or an event.</summary>
    public string? Said { get; init; }

    /// <summary>The target does not want it as it is: trying again soon is of no use.</summary>
    public bool IsRefused { get; init; }

    /// <summary>The parcel was too large for it.</summary>
    public bool IsTooLarge { get; init; }

    /// <summary>How long the target asked to be left alone.</summary>
    public TimeSpan RetryAfter { get; init; }
}
