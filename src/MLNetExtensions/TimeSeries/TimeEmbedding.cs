namespace MLNetExtensions.TimeSeries;

/// <summary>How time features enter a network.</summary>
public enum TimeEmbedding
{
    /// <summary>By a trained linear map of features scaled to [-0.5, 0.5].</summary>
    Linear,

    /// <summary>By sinusoidal tables of month, day of month, weekday and hour, which are not trained.</summary>
    Fixed,
}
